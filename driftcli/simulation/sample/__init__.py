"""The room `sample`: made-up pictures of an inspection camera, so that every command can be tried at once."""
