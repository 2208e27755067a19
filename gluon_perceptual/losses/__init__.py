"""What is minimised: pure functions, and the block that weighs them."""
