"""The Kubernetes profile against a stand-in for a cluster: its API, with processes of this machine as pods."""
