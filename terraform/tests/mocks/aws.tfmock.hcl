# What the mocked provider answers where a random string would not do.

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_region" {
  defaults = { name = "us-east-1" }
}

mock_data "aws_ssm_parameter" {
  defaults = { value = "ami-0123456789abcdef0" }
}

# A metal type as AWS describes it; tests of the precondition override this.
mock_data "aws_ec2_instance_type" {
  defaults = {
    bare_metal                     = true
    supported_placement_strategies = ["cluster", "partition", "spread"]
    supported_architectures        = ["x86_64"]
  }
}
