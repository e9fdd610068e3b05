"""Several trainings at once, or one in several processes; the loop knows none of them."""
