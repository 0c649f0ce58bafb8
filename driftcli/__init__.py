"""Does this folder of images still look like the images the model was built on?"""
