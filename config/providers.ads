# Provider ads: what can be booted, one block for each offer, a blank line between two.
#
# A job asks for what it needs by the attributes, e.g. in its submit file
#   requirements = hardwareprofile == "large" && image == "fedora" && realm == "eu"
#
# Name, Cloud, Cpus, Memory (MB), Disk (KiB)   what it is; Cloud is a name from the config's `clouds`
# PricePerHour (PriceCurrency, else USD), Max  what it costs; how many at a time
# Requirements                                 which jobs may have it
# Boot_<field>                                 what the cloud's driver boots it with
# No passwords: credentials are the cloud's, in the config, as file: or env: references.

Name = "eu-small-fedora"
Cloud = "ec2-eu"
hardwareprofile = "small"
image = "fedora"
realm = "eu"
Cpus = 2
Memory = 3584
Disk = 26214400
PricePerHour = 0.0456
Requirements = true
Boot_Image = "ami-0123456789abcdef0"
Boot_Type = "c5.large"

Name = "eu-large-fedora"
Cloud = "ec2-eu"
hardwareprofile = "large"
image = "fedora"
realm = "eu"
Cpus = 8
Memory = 15360
Disk = 94371840
PricePerHour = 0.388
Max = 4
Requirements = TARGET.RequestCpus > 2 || TARGET.RequestMemory > 3584
Boot_Image = "ami-0123456789abcdef0"
Boot_Type = "c5.2xlarge"
Boot_SecurityGroups = { "sg-0123456789abcdef0", "sg-0fedcba9876543210" }
Boot_RootVolume = [ size = "100GiB"; type = "gp3" ]

Name = "us-large-fedora"
Cloud = "ec2-us"
hardwareprofile = "large"
image = "fedora"
realm = "us"
Cpus = 8
Memory = 15360
Disk = 94371840
PricePerHour = 0.34
Requirements = TARGET.RequestCpus > 2 || TARGET.RequestMemory > 3584
Boot_Image = "ami-0fedcba9876543210"
Boot_Type = "c5.2xlarge"
