"""Does a change of the images hurt the model? Mathematics on its answers, nothing read or written."""
