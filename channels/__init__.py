"""Channels: how bytes of a site reach the engine. Each knows its protocol, none knows what bytes mean."""
