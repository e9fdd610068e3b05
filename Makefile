# `make demo` and `make test` do all the set-up by themselves.

BIN := .venv/bin
# A process for each core, up to four; the tests of a file stay together, for they share what is made once.
PYTEST := $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test pretrained test-slow lint types format clean

demo: .venv/ready
	$(BIN)/aezoo demo

test: .venv/dev .venv/embedding
	$(PYTEST)

test-slow: .venv/dev .venv/embedding
	$(PYTEST) -m "slow or gpu"

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: .venv/dev
	$(BIN)/mypy

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# RUNS: a folder of runs trained at full length on the real data sets
pretrained: .venv/ready
	$(BIN)/python -m export.pretrained $(RUNS)
	$(BIN)/python .dev/readme-table
	$(BIN)/aezoo view purdue/dense purdue/conv purdue/denoise --runs pretrained --screenshot .docs/viewer.png

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache runs-demo demo.png

.venv/dev: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c .dev/constraints.txt -e '.[train,dev,cluster]'
	touch $@

.venv/embedding: .venv/dev .dev/embedding
	.dev/embedding

.venv/ready: pyproject.toml .dev/constraints.txt .dev/setup
	.dev/setup
