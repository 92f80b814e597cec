"""How a command reaches the bot that runs: a socket that only the bot's own user can open.

A running bot holds its SQLite store, so what a person wants to know or do goes through the bot.

place.py    where the socket is: beside the database, or where a file there says
server.py   in the bot: answers operations by name
client.py   in the command: asks for one

Each connection is one operation. The bot greets with a line of JSON, the command sends one (``op``,
``args``), the bot answers with one (``result`` or ``error``) and closes.
"""
