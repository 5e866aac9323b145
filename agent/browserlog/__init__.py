"""What a browser wrote down of its requests, and of it only those to this very computer.

``ankong inspect`` uses it. Such a file holds the addresses of all pages that were open meanwhile,
their cookies perhaps; what comes out of this room is schemes, loopback addresses, ports, times and
outcomes, never a text of the file. Uses ``agent.errors``, and the usual ports of
``agent.host.settings``.

``reading`` opens a file, ``json_pieces`` cuts it up, ``net_log`` and ``har`` know one format each,
``endpoint`` judges an address, ``answers`` says what became of a request, ``tally`` counts.
"""
