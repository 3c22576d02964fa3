"""What stands in programs, scripts, hot folders, memory and resolvers' files of mining.

In go the host and what was read of it so far.  `hot_files` and `pool_names` belong to the survey; `images`, `memory`
and `told_wallets` look at the processes that triage named.  What could not be searched is a `Gap`.
"""
