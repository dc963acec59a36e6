#include "internal.h"

void import_run(struct job *job, struct reader *reader)
{
    (void)reader;
    struct error why = {0};
    (void)error_set(&why, ERR_UNSUPPORTED, "imports are not built yet");
    enum err err = job_finish(job, JOB_FAILED, &why, STR(""));
    (void)err;
}
