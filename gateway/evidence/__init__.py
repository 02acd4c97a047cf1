"""The bytes of evidence over HTTP: uploads that can be resumed, and downloads through links for one viewer each."""
