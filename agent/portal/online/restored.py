"""End open applications whose key is gone, as after a restore: nobody can open them any more.

Keys and pictures are in no backup, so that neither outlives the decision.
"""

from sqlalchemy import delete, exists, select

from agent.portal.audit import AuditEvent
from agent.portal.notices.kinds import NoticeKind
from agent.portal.notices.outbox import tell
from agent.portal.online.records import COLUMNS, Move, as_case, end
from agent.portal.online.states import OPEN, CaseState
from agent.portal.online.tables import CASE, CASE_KEY
from agent.portal.store.transaction import Transaction


def end_lost_cases(tx: Transaction) -> int:
    """End them, and tell their members to apply again; return how many."""
    has_key = exists().where(CASE_KEY.c.case == CASE.c.id)
    is_open = CASE.c.state.in_([state.value for state in OPEN])
    lost = tx.execute(select(*COLUMNS).where(is_open, ~has_key)).fetchall()
    for case in map(as_case, lost):
        if case.state is CaseState.DRAFT:
            tx.execute(delete(CASE).where(CASE.c.id == case.id))
            continue
        end(tx, case, Move(CaseState.EXPIRED, AuditEvent.CASE_LOST))
        tell(tx, case.member, NoticeKind.CASE_LOST, case=str(case.number))
    return len(lost)
