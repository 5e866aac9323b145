"""The package as sites import it, before it is built: other names for the same modules."""

import sys

import agent.relying
import agent.relying.blocking
import agent.relying.testing

sys.modules["ankong_verify"] = agent.relying
sys.modules["ankong_verify.blocking"] = agent.relying.blocking
sys.modules["ankong_verify.testing"] = agent.relying.testing
