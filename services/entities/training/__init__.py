"""How the default recognizer is trained. Needs the `train` dependency group; nothing here runs in the service."""
