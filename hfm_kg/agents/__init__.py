"""The graph for language-model agents: a server of the Model Context Protocol, over stdio and streamable HTTP.

Needs: pip install 'hfm-kg[mcp]'.
"""
