"""What is due, and acting on it once.

occurrences   which due times have come; one row each, inserted once
steps         what is next for a due issue; pure
tick          does what is due now, through the verbs of the pipeline
actions       those verbs
outcomes      what became of it, in words
run           ticks every half minute, until a signal
"""
