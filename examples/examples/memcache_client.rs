//! Counts its own runs in a memcached: `memcache_client [ENDPOINT]`,
//! `tcp:127.0.0.1:11211` unless told otherwise.
//!
//! ```sh
//! cargo run --example memcache_client
//! ```
//!
//! With `memcached` running it says which version that is, `run number 1` the
//! first time, and `hello`, which it had stored there.

use std::env;
use std::error::Error;
use std::process;

use deferred::{Failure, ensure_deferred};
use protocols::memcache::{Entry, MemCacheClient, MemCacheProtocol};
use reactor_compat::endpoint::client_from_string;
use reactor_compat::{Address, reactor};

async fn count(client: MemCacheClient) -> Result<(), Failure> {
    println!("memcached {}", String::from_utf8_lossy(&client.version().await?));
    // For an hour, if nobody has begun to count yet.
    client.add("runs", Entry::new("0").expire_time(3600)).await?;
    let runs = client.increment("runs", 1).await?;
    println!("run number {}", runs.unwrap_or_default());

    // Both are sent before either is answered.
    let (set, get) = (client.set("greeting", "hello"), client.get("greeting"));
    set.await?;
    if let Some(greeting) = get.await? {
        println!("{}", String::from_utf8_lossy(&greeting.data));
    }
    Ok(())
}

fn give_up(failure: Failure) {
    eprintln!("memcache_client: {failure}");
    process::exit(1)
}

fn main() -> Result<(), Box<dyn Error>> {
    let description = env::args().nth(1).unwrap_or_else(|| "tcp:127.0.0.1:11211".to_owned());
    let _done = client_from_string(&reactor(), &description)?
        .connect(|_peer: Address| MemCacheProtocol::new(&reactor()))
        .add_callback(|connection| connection.call(|protocol, _| Ok(protocol.client())))
        .add_callback(|client| ensure_deferred(count(client)))
        .add_callback(|()| Ok(reactor().stop()?))
        .add_errback(give_up);
    reactor().run()?;
    Ok(())
}
