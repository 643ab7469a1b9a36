"""The cleaner: a fetched page in, the articles printed on it out."""

import os

# read by numpy's matrix library when it is loaded: it would spread the block model's small products over all cores,
# where its threads wait spinning. Workers run one a core
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
