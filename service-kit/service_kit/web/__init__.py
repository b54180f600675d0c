"""The HTTP side: application factory, authentication, limits of every input, problems as answers.

It stands on all the other packages; none of them imports it."""
