#!/bin/sh
# A killed nginx leaves its socket behind, and then cannot listen there. In a container nginx's entry point runs this at start.
rm -f /run/status/nginx.sock
