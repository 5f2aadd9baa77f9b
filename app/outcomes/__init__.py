"""Stage 2: what the clinician says and puts their name to."""
