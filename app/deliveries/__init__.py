"""Stage 4: getting the outcome to people, and hearing back."""
