"""The pages for people: server-rendered, read well without JavaScript, and load nothing from elsewhere."""

from hfm_kg.server.site.site import Site as Site
