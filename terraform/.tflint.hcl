# tflint's rules, all of terraform's own that there are. The rules for AWS are added where someone has installed them.

config {
  call_module_type = "local"
}

plugin "terraform" {
  enabled = true
  preset  = "all"
}

# One file a subject (routes.tf, nodes.tf, ...) instead of one large main.tf, and variables and outputs where the rule wants them.
rule "terraform_standard_module_structure" {
  enabled = false
}
