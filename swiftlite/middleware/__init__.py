"""The filters of the proxy's pipeline, named as paste.deploy names them."""
