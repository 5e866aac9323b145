"""What testers of sites use: an agent that is told what to answer, and fixtures for pytest.

Only with virtual cards, and never in an installed program: it answers for the citizen.
"""
