"""The tables of account and container databases, statement by statement.

Tables, columns, trigger names and what the triggers do are OpenStack Swift's, because either
program opens files made by the other. Nothing here runs SQL.
"""
