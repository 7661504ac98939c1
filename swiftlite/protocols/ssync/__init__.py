"""SSYNC: two nodes bring a partition of one up to what the other has, on one connection.

    sender                              receiver
    :MISSING_CHECK: START
    an offer for each object
    :MISSING_CHECK: END
                                        :MISSING_CHECK: START
                                        a wish for each object wanted
                                        :MISSING_CHECK: END
    :UPDATES: START
    PUT, POST, DELETE
    :UPDATES: END
                                        :UPDATES: START
                                        :UPDATES: END           or :ERROR: instead

Each side reads all that the other has to say before it speaks, so neither can be stuck on a full
pipe. `offer` is the sender's side, `receive` the receiver's; the lines are formats.ssync_lines'.
"""
