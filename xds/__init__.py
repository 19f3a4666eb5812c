"""The control plane: file -> config -> resources -> stream -> Envoy.

watch            a changed file -> load -> translate -> validate -> publish; last good kept
translate/       resolved config -> xDS resources; pure, one file per resource type and per Envoy filter
snapshot         immutable resources by type, version = content hash
stream           one delta ADS stream as a state machine: what may be shown when
subscription     what one Envoy wants of one type, and what it is known to have
server           the gRPC service around it
status           what each Envoy has acknowledged or refused
policy_check     asks the processor whether it could serve the policies
validate         asks the real Envoy before anything is pushed
"""
