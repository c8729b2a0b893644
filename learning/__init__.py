"""How the bot knows: memory (fast) and adapters (slow). The only package that sees torch, transformers and peft."""
