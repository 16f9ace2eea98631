"""How fast the ways to the data are (``make bench``), and how long they last (``make soak``)."""
