"""The lean `send()`: what `Client.send` does for a plain request, without the machinery for what it does not use.

Of what a request costs in httpx, half is spent on auth flows, redirect loops, cookie jars and three layers of wrapped
streams, for requests that have none of these. Where that is certain, the pipeline's attempt asks the router itself.
Where anything is in doubt, httpx's own code runs as before. See docs/adr/0008-lean-send.md.
"""
