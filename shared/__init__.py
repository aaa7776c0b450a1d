"""The kernel: what every service and the gateway stand on. It knows none of them."""
