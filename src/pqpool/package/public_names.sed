# The public headers as they are installed: the names of base/err.h have the prefix of the library.
s/^ \* Installed with the pool as pqpool_err\.h.*/ *\//
s:^struct err; .*:struct pqpool_err;   /* pqpool_err.h */:
s/^\/\* err\.h/\/* pqpool_err.h/
s/\bstruct err\b/struct pqpool_err/g
s/\berr_([a-z])/pqpool_err_\1/g
s/\bERR_/PQPOOL_ERR_/g
s/\bBASE_ERR_H\b/PQPOOL_ERR_H/
