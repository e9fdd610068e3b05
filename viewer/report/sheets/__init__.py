"""The sheets: one file each, or one package, which reads like its sheet. What is put here is a report by being here.

Each holds TITLE, LEAD, `blocks(reader)`: what the sheet asks for, in its order and with its words, and SHORT: which of
its figures stand in the short report.
"""
