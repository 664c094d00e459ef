"""The network: in TensorFlow to be trained, in numpy to play."""
