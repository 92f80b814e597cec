"""Every REST call that botkit makes: functions that return a `Call`, the request and how to read its answer.

What X would refuse anyway is refused here with `ActionRefused`, before it costs anything. Nothing is sent
here.

Sources: X docs, the pages named in each module, and X's OpenAPI description, whose request bodies these fit.
"""
