"""What is asked about many runs: was the best of them skill, or the best of many tries?

Pure mathematics over arrays of daily returns and tables of trials: numpy and the standard library,
no files, no processes, no users. `space` and `where` say what is tried, `neighbourhood` which trial
is shown as the winner, `walk_forward` on which days it is judged; `significance`, `overfitting` and
`predictive_ability` say how far a result can be believed; `bootstrap` and `null_models` make the
other histories that it is held against.
"""
