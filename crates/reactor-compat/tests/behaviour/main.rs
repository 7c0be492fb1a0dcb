//! What a transport does, whatever it is made of: one suite of behaviours, each
//! acted out over every kind of connection.
//!
//! Mirrors `ReactorBuilder` and `ConnectionTestsMixin` of
//! `twisted.internet.test`.

mod actor;
mod basics;
mod closing;
mod faults;
mod half_close;
#[cfg(feature = "testing")]
mod in_memory;
mod layers;
mod media;
mod medium;
mod producing;
mod writing;

#[path = "../support/mod.rs"]
mod support;

/// Acts out every behaviour of the suite over one medium, each as a test.
macro_rules! behaves {
    ($name:ident, $medium:ty) => {
        behaves! { $name, $medium;
            basics: callbacks_come_in_order, each_end_knows_the_other, data_goes_both_ways,
                what_is_written_while_the_connection_is_made_arrives,
                a_protocol_is_dropped_once_it_knows_its_end,
                a_call_to_a_busy_protocol_waits, no_call_reaches_one_that_is_gone,
                the_reactors_end_ends_it;
            writing: writes_keep_their_order, what_a_callback_writes_comes_in_one_piece,
                nothing_is_written_by_writing_nothing, a_large_write_arrives_whole,
                large_writes_pass_each_other, who_has_too_much_unsent_does_not_read,
                draining_is_waited_for, draining_fails_with_the_connection,
                sending_can_be_held_up, taps_see_what_is_written,
                writing_to_others_from_inside_callbacks, what_is_written_after_the_end_is_let_go;
            closing: a_close_sends_all_first, a_close_by_both_at_once_is_clean,
                closing_while_the_connection_is_made, aborting_while_the_connection_is_made,
                an_abort_is_at_once, the_peer_of_an_abort_hears_of_it,
                the_end_comes_once_however_often_it_is_asked_for, an_abort_cuts_a_close_short,
                a_close_waits_no_longer_than_its_grace, a_close_reads_nothing_more,
                closing_each_other_from_inside_callbacks,
                aborting_each_other_from_inside_callbacks,
                closing_another_from_inside_connection_lost,
                one_that_is_paused_can_be_closed_and_aborted;
            half_close: the_peer_may_go_on, both_halves_may_end_one_by_one, it_sends_all_first,
                nothing_can_be_written_after_it,
                it_is_said_once_however_often_it_is_asked_for, who_says_nothing_else_closes,
                an_answer_can_be_given_when_all_has_come;
            producing: a_push_producer_waits_for_the_peer, a_pull_producer_is_asked_each_time,
                a_close_waits_for_the_producer, a_half_close_waits_for_the_producer,
                a_producer_is_stopped_with_the_connection, there_is_one_producer_at_a_time,
                a_paused_connection_reads_nothing, pausing_inside_a_callback_holds_up_the_rest,
                resuming_may_pause_again, a_connection_is_the_producer_of_another;
            faults: in_connection_made, in_data_received, in_resumed, in_read_connection_lost,
                in_write_connection_lost, in_connection_lost, in_a_call,
                what_was_written_before_a_panic_is_let_go;
        }
    };
    ($name:ident, $medium:ty; $($theme:ident: $($behaviour:ident),*;)*) => {
        mod $name {
            $(mod $theme {
                $(#[test]
                fn $behaviour() {
                    crate::$theme::$behaviour::<$medium>();
                })*
            })*
        }
    };
}

behaves!(tcp, crate::media::Tcp);
behaves!(duplex, crate::media::Duplex);
#[cfg(feature = "testing")]
behaves!(memory, crate::in_memory::Memory);
#[cfg(feature = "testing")]
behaves!(byte_by_byte, crate::in_memory::ByteByByte);
#[cfg(feature = "testing")]
behaves!(simulated, crate::in_memory::Simulated);
#[cfg(unix)]
behaves!(unix, crate::media::Unix);
#[cfg(unix)]
behaves!(pipes, crate::media::Pipes);
#[cfg(feature = "tls")]
behaves!(tls, crate::media::Tls);

behaves!(tcp_one_layer, crate::layers::Through<crate::media::Tcp, 1>);
behaves!(tcp_three_layers, crate::layers::Through<crate::media::Tcp, 3>);
behaves!(duplex_one_layer, crate::layers::Through<crate::media::Duplex, 1>);
behaves!(duplex_three_layers, crate::layers::Through<crate::media::Duplex, 3>);
#[cfg(feature = "testing")]
behaves!(memory_one_layer, crate::layers::Through<crate::in_memory::Memory, 1>);
#[cfg(feature = "testing")]
behaves!(memory_three_layers, crate::layers::Through<crate::in_memory::Memory, 3>);
#[cfg(feature = "testing")]
behaves!(byte_by_byte_one_layer, crate::layers::Through<crate::in_memory::ByteByByte, 1>);
#[cfg(feature = "testing")]
behaves!(byte_by_byte_three_layers, crate::layers::Through<crate::in_memory::ByteByByte, 3>);
#[cfg(unix)]
behaves!(unix_one_layer, crate::layers::Through<crate::media::Unix, 1>);
#[cfg(unix)]
behaves!(unix_three_layers, crate::layers::Through<crate::media::Unix, 3>);
#[cfg(unix)]
behaves!(pipes_one_layer, crate::layers::Through<crate::media::Pipes, 1>);
#[cfg(unix)]
behaves!(pipes_three_layers, crate::layers::Through<crate::media::Pipes, 3>);
#[cfg(feature = "testing")]
behaves!(simulated_one_layer, crate::layers::Through<crate::in_memory::Simulated, 1>);
#[cfg(feature = "testing")]
behaves!(simulated_three_layers, crate::layers::Through<crate::in_memory::Simulated, 3>);
#[cfg(feature = "tls")]
behaves!(tls_one_layer, crate::layers::Through<crate::media::Tls, 1>);
#[cfg(feature = "tls")]
behaves!(tls_three_layers, crate::layers::Through<crate::media::Tls, 3>);
