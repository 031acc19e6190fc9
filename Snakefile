# So that `snakemake --cores all` works at the root: an include alone would build nothing.
include: "workflow/Snakefile"


rule default:
    default_target: True
    input:
        rules.all.input,
    localrule: True


onsuccess:
    forget_finished()
    say_what_to_open()
