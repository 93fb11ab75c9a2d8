"""A generator as a folder that any server of files shows, and a browser computes.

`folder.py` writes it, `runtime.py` brings ONNX Runtime. What lies in it beside them: the served page (`page.html` of
`kerasgan.server.rest`), `source.js`, which it asks in place of a server, `generator.js`, which computes what it asks
for, `latents.js` and `png.js`.
"""
