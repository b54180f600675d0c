"""What the deployment drill consists of: a host, versions to deploy, load, and a mail server."""
