"""What is worth what to a body with needs, seen in what it eats in `forage`."""
