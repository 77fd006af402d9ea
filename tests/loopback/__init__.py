"""Stand-in servers: they listen on 127.0.0.1, speak the real protocol, misbehave on request, remember the truth."""
