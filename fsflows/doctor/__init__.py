"""Whether a server, its FreeSWITCH and the machine fit together: what is looked at, and what to do about each finding.

findings = examine(settings)
print(worst(findings))
"""

from fsflows.doctor.examine import examine
from fsflows.doctor.finding import Finding, State, worst

__all__ = ["Finding", "State", "examine", "worst"]
