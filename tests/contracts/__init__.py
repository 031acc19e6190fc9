"""The laws of the method contract. Every method is held to them by being there, with its ``SMALL`` settings and each of
its ``VARIANTS`` (``tests/twin``), in both tasks; a law that cannot be asked here says why it is skipped.

1. Labels not yet seen do not matter: other labels from interaction t on leave the predictions before t as they were,
   and change those behind. ``test_labels_not_yet_seen_do_not_matter``
2. Seeds are independent: a run of S seeds is S runs of one, and two seeds differ, unless the method is
   ``seedless``. ``test_seeds_are_independent``
3. Cutting the stream short does not change the past. ``test_cutting_the_stream_short_does_not_change_the_past``
4. Saving and loading in mid-stream changes nothing, bit for bit on the CPU, wherever the chunks end.
   ``test_saving_and_loading_in_mid_stream_changes_nothing``
5. Relabelling users or items, their rows with them, changes nothing. ``test_relabelling_ids_changes_nothing``
6. With one candidate size, a searching method is the fixed-size one with the same path to the head.
   ``test_with_one_size_a_search_is_the_fixed_size``
7. It learns what there is to learn, and nothing where there is nothing: on a synthetic stream with a signal its loss is
   below the base rate's by five standard errors and by a fifth of the way to the best possible, and not below that; on
   one without, it loses at most 3 % more than the base rate. A method that holds nothing of
   any id is the base rate. ``test_it_beats_the_base_rate_where_there_is_signal``,
   ``test_it_stays_at_the_base_rate_where_there_is_none``
8. Gradients and states are finite, dtypes are kept, weights sum to 1, and a last batch of one interaction is survived;
   warnings are errors. ``test_gradients_are_finite_and_dtypes_are_kept``,
   ``test_a_last_batch_of_one_interaction_is_survived``
9. The config round-trips and refuses unknown keys. ``test_config_round_trips_and_refuses_unknown_keys``
10. The method is its slow twin, step for step and in every parameter afterwards.
    ``test_engine_equals_its_slow_twin_step_for_step``
11. The GPU agrees with the CPU, in eager, captured and compiled steps. ``test_gpu_agrees_with_cpu``
12. No gradient has a table's size, whatever the widths of what stands in its rows.
    ``test_a_table_never_has_a_dense_gradient``
13. The same seed gives the same numbers, bit for bit on the CPU. ``test_same_seed_same_numbers_bit_for_bit``
"""
