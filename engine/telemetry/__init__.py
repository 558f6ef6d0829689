"""Events become one log line and one metric each; only allow-listed fields get out."""
