"""The sheets: one file each, or one package, which reads like its sheet. What is put here is a report by being here.

Each holds TITLE, LEAD and `blocks(reader)`: what the sheet asks for, in its order and with its words.
"""
