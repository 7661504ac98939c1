"""Options as data: declared once in a table, read from conf files, rendered for operators."""
