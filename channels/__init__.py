"""How bytes of a site reach the engine. Each channel knows its protocol, none what bytes mean."""
